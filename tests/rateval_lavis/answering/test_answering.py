"""An ALBEF that answers, against LAVIS' own class with the same weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rateval.api import Context, PluginError, RatevalError
from rateval.api.tasks.texts import Answered, Attended
from rateval.testing import check_component, check_text_model
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_lavis.answering.architecture import find_answering_architecture
from rateval_lavis.answering.model import LavisAnsweringModel, make_albef_vqa
from rateval_lavis.files import digest
from rateval_lavis.params import LavisAlbefVqaParams
from rateval_lavis.plugin import rateval_register_models
from rateval_lavis.upstream import (
    BatchEncoding,
    BertConfig,
    BertLMHeadModel,
    BertTokenizer,
    OfflineAlbefVqa,
    VisionTransformerEncoder,
    XBertEncoder,
)

SIZE: dict[str, Any] = {
    "image_size": 32, "patch_size": 16, "width": 48, "depth": 2, "heads": 2,
    "text_width": 32, "text_layers": 3, "text_heads": 2, "text_intermediate": 64,
    "vocabulary_size": 120, "max_positions": 30, "fusion_layer": 1, "decoder_layers": 2,
}  # fmt: skip
QUESTIONS = ("What is on the sea?", "a yellow dog", "which taxi is the open carrier of the photo")
ANSWERS = ("a dog", "yellow", "the open sea")
Make = Callable[..., LavisAnsweringModel]


@pytest.fixture
def make(vocabulary: Path) -> Make:
    def make(*, seed: int = 0, dtype: str = "float32", **params: Any) -> LavisAnsweringModel:
        given = {"pretrained": "random", "size": SIZE, "vocabulary": str(vocabulary)} | params
        return make_albef_vqa(LavisAlbefVqaParams(**given), Context(seed=seed, dtype=dtype))

    return make


@pytest.fixture
def lavis(vocabulary: Path, official: Any) -> Any:
    """Make LAVIS' own model, which distils, with weights at a scale that can be seen."""
    given = LavisAlbefVqaParams(pretrained="random", size=SIZE, vocabulary=str(vocabulary))
    architecture = find_answering_architecture(given)
    tower = VisionTransformerEncoder(**architecture.vision)
    text = XBertEncoder(config=BertConfig(**architecture.question), add_pooling_layer=False)
    decoder = BertLMHeadModel(config=BertConfig(**architecture.answer))
    module = OfflineAlbefVqa(tower, text, decoder, use_distill=True, max_txt_len=25)
    state = official(module)
    for name in ("text_decoder", "text_decoder_m"):
        words = state[f"{name}.bert.embeddings.word_embeddings.weight"]
        state[f"{name}.cls.predictions.decoder.weight"] = words
        state[f"{name}.cls.predictions.decoder.bias"] = state[f"{name}.cls.predictions.bias"]
    module.load_state_dict(state)
    module.tokenizer = BertTokenizer(vocab_file=str(vocabulary), do_lower_case=True)
    return module.eval()


@pytest.fixture
def checkpoint(lavis: Any, tmp_path: Path) -> Path:
    """Save it as LAVIS saves what it fine-tuned."""
    path = tmp_path / "albef_vqav2_lavis.pt"
    torch.save({"model": lavis.state_dict(), "epoch": 7}, path)
    return path


def draw(count: int = 3, side: int = 32) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def run_lavis(
    module: Any, images: torch.Tensor, *, graph: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores of all words (B, T, V) by LAVIS' own code, and what they are to be (B, T)."""
    questions = [one.lower().rstrip(" ") for one in QUESTIONS]
    asked = module.tokenizer(
        questions, padding="longest", truncation=True, max_length=25, return_tensors="pt"
    )
    said = module.tokenizer(list(ANSWERS), padding="longest", return_tensors="pt")
    with torch.set_grad_enabled(graph):
        seen = module.visual_encoder.forward_features(images)
        states = module.text_encoder.forward_automask(
            tokenized_text=BatchEncoding(asked), visual_embeds=seen
        ).last_hidden_state
        logits = module.text_decoder(
            said.input_ids,
            attention_mask=said.attention_mask,
            encoder_hidden_states=states,
            encoder_attention_mask=asked.attention_mask,
            return_dict=True,
        ).logits
    return logits[:, :-1], said.input_ids[:, 1:]


def test_keeps_a_text_models_promises(make: Make, vocabulary: Path) -> None:
    check_text_model(make())
    (component,) = (one for one in rateval_register_models() if one.name == "lavis-albef-vqa")
    given = {"pretrained": "random", "size": SIZE, "vocabulary": str(vocabulary)}
    check_component(component, "model", **given)


def test_scores_are_those_of_lavis(lavis: Any, checkpoint: Path, make: Make) -> None:
    model, images = make(pretrained=str(checkpoint)), draw()
    logits, wanted = run_lavis(lavis, images)
    scores = logits.double().log_softmax(dim=-1)
    expected = scores.gather(2, wanted[..., None])[..., 0] * (wanted != 0)
    found = model.score(images, QUESTIONS, ANSWERS).log_probabilities
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    assert float(expected.std()) > 0.1
    ranked = model.rank(images, QUESTIONS, ANSWERS)
    torch.testing.assert_close(ranked.diagonal(), found.sum(dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("rows", [1, 4, 64])
def test_ranks_are_the_scores_of_each_candidate_alone(
    checkpoint: Path, make: Make, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LavisAnsweringModel, "rows", rows)
    model, images = make(pretrained=str(checkpoint)), draw()
    candidates = [*ANSWERS, "sea", "a yellow taxi"]
    found = model.rank(images, QUESTIONS, candidates)
    assert found.shape == (3, 5)
    for column, candidate in enumerate(candidates):
        for row in range(3):
            one = slice(row, row + 1)
            alone = model.score(images[one], QUESTIONS[one], [candidate]).log_probabilities
            assert float(found[row, column]) == pytest.approx(float(alone.detach().sum()), abs=1e-4)


def test_the_score_is_minus_lavis_own_loss_before_its_smoothing(
    lavis: Any, checkpoint: Path, make: Make
) -> None:
    """Its loss is 0.9 of minus the log probability, and 0.1 of the mean over all words."""
    model, images = make(pretrained=str(checkpoint)), draw()
    logits, wanted = run_lavis(lavis, images)
    given = wanted.masked_fill(wanted == 0, -100)
    smoothing = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1)
    loss = smoothing(logits.flatten(0, 1).double(), given.flatten()).view(3, -1).sum(1)
    everything = -logits.double().log_softmax(dim=-1).mean(dim=-1)
    uniform = (everything * (wanted != 0)).sum(dim=1)
    score = model.score(images, QUESTIONS, ANSWERS).log_probabilities.sum(dim=1).double()
    torch.testing.assert_close(-score, (loss - 0.1 * uniform) / 0.9, atol=1e-4, rtol=0)
    asked = {"image": images, "text_input": [one.lower() for one in QUESTIONS]}
    lavis.use_distill = False  # otherwise asking it moves the copies, and nothing else
    with torch.no_grad():
        answers = lavis.predict_answers(asked, answer_list=list(ANSWERS))
    assert set(answers) <= set(ANSWERS)


def test_an_answer_is_the_likeliest_word_after_word(checkpoint: Path, make: Make) -> None:
    model, images = make(pretrained=str(checkpoint), max_new_tokens=4), draw()
    found = model.generate(images, QUESTIONS)
    for row, answer in enumerate(found):
        with torch.no_grad():
            read = model._see(images[row : row + 1], QUESTIONS[row : row + 1])
            ids = [2]
            while len(ids) < 5:
                given = torch.tensor([ids])
                after = model._decode(read, given, torch.ones_like(given))[0, -1].double()
                ids.append(int(after.argmax()))
                if ids[-1] == 3:
                    break
        assert model._words.read(torch.tensor([ids[1:]])) == [answer.text]
        alone = model.score(images[row : row + 1], QUESTIONS[row : row + 1], [answer.text])
        total = float(alone.log_probabilities.detach().sum())
        assert answer.likelihood == pytest.approx(total, abs=1e-4)


def test_ids_are_those_of_lavis_tokenizer_and_spans_are_of_the_answer(
    make: Make, lavis: Any
) -> None:
    words = make()._words
    text = "The Yellow dog, on a sea-carrier!"
    written = words.answers([text])
    own = lavis.tokenizer(text).input_ids
    assert written.inputs[0].tolist() == own[:-1]
    assert written.targets[0].tolist() == own[1:]
    spans = written.spans[0]
    assert text[slice(*spans[1])] == "Yellow"
    assert spans[-1] == (len(text), len(text))
    asked = 'Which "dog" is it? ' + "sea " * 40
    ids, mask = words.questions([asked, "dog"])
    assert ids[0].tolist() == lavis.tokenizer(
        asked.replace('"', "").lower(), truncation=True, max_length=25
    ).input_ids  # fmt: skip
    assert mask[1].tolist() == [1, 1, 1] + 22 * [0]
    assert words.read(torch.tensor([written.targets[0].tolist()]))[0].startswith("the yellow dog")


def test_the_recorded_flow_is_what_lavis_records(lavis: Any, checkpoint: Path, make: Make) -> None:
    model, images = make(pretrained=str(checkpoint)), draw()
    plain = model.score(images, QUESTIONS, ANSWERS).log_probabilities
    with model.record_flow() as flow:
        found = model.score(images, QUESTIONS, ANSWERS).log_probabilities
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=0)
    steps = [step for step in flow.steps if isinstance(step, Attended)]
    q, i, a = "question", "image", "answer"
    fused = [(q, q), (q, i)] * 2
    wanted = [(i, i), (i, i), (q, q), *fused, *[(a, a), (a, q)] * 2]
    assert [(step.to, step.of) for step in steps] == wanted
    layers = [one.crossattention.self for one in lavis.text_encoder.encoder.layer[1:]]
    layers += [one.crossattention.self for one in lavis.text_decoder.bert.encoder.layer]
    for layer in layers:
        layer.save_attention = True
    run_lavis(lavis, images, graph=True)  # its hooks ask for one
    crossed = [step for step in steps if step.to != step.of]
    for layer, step in zip(layers, crossed, strict=True):
        ours, kept = step.probabilities, layer.get_attention_map()
        assert flow.reading is not None
        # LAVIS reads an answer's end, which predicts nothing; it stands where padding is here.
        read = flow.reading if step.to == a else torch.ones(ours.shape[0], ours.shape[2]).bool()
        for row in range(3):
            real = read[row].nonzero()[:, 0]
            torch.testing.assert_close(ours[row][:, real], kept[row][:, real], atol=1e-6, rtol=0)
    assert not [name for name, part in model.module.named_modules() if "forward" in vars(part)]


def test_an_answer_is_explained(checkpoint: Path, make: Make) -> None:
    model = make(pretrained=str(checkpoint))
    model.module.requires_grad_(False)
    explainer = make_generic_attention(GenericAttentionParams(), Context())

    class Untuned:
        decision = None

        def __init__(self) -> None:
            self.model = model

        def state(self) -> dict[str, torch.Tensor]:
            return {}

    asked = Answered(draw(), QUESTIONS, ANSWERS, ("a", "b", "c"))
    found = explainer.explain_answers(Untuned(), asked).relevance
    assert found.shape == (3, 2, 2)
    assert bool((found >= 0).all())
    assert bool((found.sum(dim=(1, 2)) > 0).all())


def test_what_has_no_use_is_said_and_all_else_is_loaded(
    lavis: Any, checkpoint: Path, make: Make
) -> None:
    model = make(pretrained=str(checkpoint))
    ignored = model.card.keys_ignored
    assert all("_m." in key or key.endswith("position_ids") for key in ignored)
    assert any(key.startswith("text_decoder_m.") for key in ignored)
    state = model.module.state_dict()
    assert all(state[key].equal(lavis.state_dict()[key]) for key in state)
    assert model.card.checkpoint == str(checkpoint)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.zero_()
    assert any(bool(weight.any()) for weight in model.module.parameters())


def test_token_types_of_albefs_own_code_are_added(
    lavis: Any, checkpoint: Path, make: Make, tmp_path: Path
) -> None:
    """By an embedding that LAVIS' question tower would add, were it built with one."""
    types = torch.randn(2, 32, generator=torch.Generator().manual_seed(4))
    state = dict(lavis.state_dict())
    for name in ("text_encoder.embeddings", "text_decoder.bert.embeddings"):
        state[f"{name}.token_type_embeddings.weight"] = types
    path = tmp_path / "vqa.pth"
    torch.save({"model": state}, path)
    plain, typed, without = (
        make(pretrained=str(checkpoint)),
        make(pretrained=str(path)),
        make(pretrained=str(path), token_types=False),
    )
    images = draw()
    scores = [m.score(images, QUESTIONS, ANSWERS).log_probabilities for m in (plain, without)]
    assert scores[0].equal(scores[1])
    assert "the first token type of text_encoder.embeddings" in typed.card.assumed[0]
    for name in ("text_encoder.embeddings", "text_decoder.bert.embeddings"):
        own, other = (m.module.get_submodule(name) for m in (typed, plain))
        ids = torch.tensor([[2, 7, 9, 3]])
        given = other.word_embeddings(ids) + types[0] + other.position_embeddings.weight[:4]
        torch.testing.assert_close(own(ids), other.LayerNorm(given), atol=1e-5, rtol=0)
    with pytest.raises(RatevalError, match=r"token_types = true: .* holds no text_encoder"):
        make(pretrained=str(checkpoint), token_types=True)
    with pytest.raises(RatevalError, match='"random" draws none'):
        make(token_types=True)


def test_another_grid_is_interpolated(checkpoint: Path, make: Make) -> None:
    larger = make(pretrained=str(checkpoint), size=SIZE | {"image_size": 64})
    assert larger.grid == (4, 4)
    assert larger.card.assumed == ("positions interpolated from 5 rows to 17",)
    scores = larger.score(draw(side=64), QUESTIONS, ANSWERS).log_probabilities
    assert bool(scores.isfinite().all())


def test_checkpoints_that_do_not_fit_are_refused(lavis: Any, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    own = dict(lavis.state_dict())
    retrieval = {key: value for key, value in own.items() if "text_decoder" not in key}
    torch.save({"model": retrieval}, path)
    with pytest.raises(RatevalError, match=r"text_decoder.*a checkpoint of ALBEF that answers"):
        make(pretrained=str(path))
    untied = own | {"text_decoder.cls.predictions.bias": torch.zeros(120)}
    torch.save({"model": untied}, path)
    with pytest.raises(RatevalError, match=r"differs from text_decoder.cls.predictions.bias"):
        make(pretrained=str(path))
    torch.save({"model": own | {"head.weight": torch.zeros(1)}}, path)
    with pytest.raises(RatevalError, match=r"head\.weight"):
        make(pretrained=str(path))


def test_bad_input_is_named(make: Make, vocabulary: Path) -> None:
    model, images = make(), draw()
    with pytest.raises(RatevalError, match=r"question = '\.': holds no word"):
        model.score(images[:1], ["."], ["a"])
    with pytest.raises(RatevalError, match=r"answer: has .* the model has 30 positions"):
        model.score(images[:1], ["a dog"], ["sea " * 40])
    with pytest.raises(RatevalError, match="questions: 1 of them for 3 images"):
        model.generate(images, ["a dog"])
    with pytest.raises(RatevalError, match="candidates: there is none"):
        model.rank(images, QUESTIONS, [])
    with pytest.raises(RatevalError, match=r"max_new_tokens = 30: .* 30 positions; lower it"):
        make(max_new_tokens=30)
    with pytest.raises(ValueError, match="fusion_layer = 3 must be below text_layers = 3"):
        make(size=SIZE | {"fusion_layer": 3})
    with pytest.raises(RatevalError, match=r"model\.arch = 'albef_feature_extractor|arch = "):
        make(size=None, config="albef_feature_extractor")
    model.module.train()
    with model.record_flow(), pytest.raises(PluginError, match="dropout"):
        model.score(images, QUESTIONS, ANSWERS)


def test_half_precision_and_an_empty_answer(make: Make) -> None:
    model = make(dtype="bfloat16")
    scores = model.score(draw(), QUESTIONS, ("", "a dog", "yellow"))
    assert scores.log_probabilities.dtype == torch.float32
    assert scores.spans[0] == ((0, 0),)
    with model.record_flow() as flow:
        model.score(draw(), QUESTIONS, ANSWERS)
    assert {s.probabilities.dtype for s in flow.steps if isinstance(s, Attended)} == {torch.float32}


def test_images_are_prepared_by_lavis(make: Make) -> None:
    model = make()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8))
    assert model.preprocess(image).shape == (3, 32, 32)
    mask = np.zeros((50, 70), dtype=np.bool_)
    mask[:25] = True
    assert bool(model.preprocess_mask(mask)[:15].all())
    assert not bool(model.preprocess_mask(mask)[17:].any())


def test_lavis_own_config_is_the_default(vocabulary: Path, checkpoint: Path) -> None:
    params = LavisAlbefVqaParams(pretrained="random", vocabulary=str(vocabulary))
    architecture = find_answering_architecture(params)
    assert architecture.vision["img_size"] == 384
    assert architecture.question["fusion_layer"] == 6
    assert architecture.question["num_hidden_layers"] == 12
    assert architecture.answer["fusion_layer"] == 0
    assert architecture.answer["num_hidden_layers"] == 6
    assert architecture.text_length == 25
    one = LavisAlbefVqaParams(pretrained=str(checkpoint), vocabulary=str(vocabulary))
    assert digest(one) != digest(params)
