"""The second door: what plugins share, such as files, weights, prompts, geometry and batches.

A plugin imports these names from here. Importing the package costs no torch and no pydantic: each
name is fetched on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rateval.api.deprecations import NAMES, find_deprecated
from rateval.on_first_use import find_name

if TYPE_CHECKING:
    from rateval.data.batches import (
        Batch as Batch,
        load_batches as load_batches,
        load_chunks as load_chunks,
    )
    from rateval.data.shapes import explain_length as explain_length
    from rateval.json_file import read_json as read_json, write_json as write_json
    from rateval.machine.memory import (
        Portions as Portions,
        is_out_of_memory as is_out_of_memory,
    )
    from rateval.machine.precision import require_precision as require_precision
    from rateval.modelkit.attention import (
        attend_multihead as attend_multihead,
        find_attention as find_attention,
        without_fast_path as without_fast_path,
    )
    from rateval.modelkit.blocks import passing as passing, record_blocks as record_blocks
    from rateval.modelkit.checkpoint_files.archives import names_in_archive as names_in_archive
    from rateval.modelkit.checkpoint_files.finding import (
        Weights as Weights,
        tell_left_out as tell_left_out,
    )
    from rateval.modelkit.checkpoint_files.loading import (
        read_weights as read_weights,
    )
    from rateval.modelkit.checkpoint_files.reading import read_state_dict as read_state_dict
    from rateval.modelkit.checkpoint_files.shards import (
        is_index as is_index,
        locate_shards as locate_shards,
        weight_files as weight_files,
    )
    from rateval.modelkit.checkpoint_files.telling import (
        plain_names as plain_names,
        relative_distance as relative_distance,
    )
    from rateval.modelkit.clues import Clues as Clues, Guess as Guess
    from rateval.modelkit.digests import digest_files as digest_files, digest_of as digest_of
    from rateval.modelkit.filling import grow as grow, inpaint as inpaint
    from rateval.modelkit.geometry import Geometry as Geometry
    from rateval.modelkit.layers import choose_layers as choose_layers
    from rateval.modelkit.moving import (
        change_masks as change_masks,
        move_mask as move_mask,
        move_sample as move_sample,
    )
    from rateval.modelkit.recording import (
        Attend as Attend,
        attend_fused as attend_fused,
        attend_plainly as attend_plainly,
        record_probabilities as record_probabilities,
        replaced_forward as replaced_forward,
        softmax_in_graph as softmax_in_graph,
    )
    from rateval.modelkit.swapping import (
        can_lend as can_lend,
        draw_in_turn as draw_in_turn,
        pool_donors as pool_donors,
        put_objects as put_objects,
    )
    from rateval.modelkit.tables.channels import ImageMean as ImageMean, ImageStd as ImageStd
    from rateval.modelkit.tables.foreign_table import (
        ForeignDepth as ForeignDepth,
        ForeignMean as ForeignMean,
        ForeignPair as ForeignPair,
        ForeignRows as ForeignRows,
        ForeignSize as ForeignSize,
        ForeignStd as ForeignStd,
        ForeignTable as ForeignTable,
        check_table as check_table,
        require_buildable as require_buildable,
    )
    from rateval.modelkit.tables.hugging_face_table import HuggingFaceTable as HuggingFaceTable
    from rateval.modelkit.tables.tower_sizes import TowerSizeParams as TowerSizeParams
    from rateval.modelkit.texts.asked_model import AskedModel as AskedModel
    from rateval.modelkit.texts.bert_vocabulary import (
        cached_bert_vocabulary as cached_bert_vocabulary,
        require_bert_vocabulary as require_bert_vocabulary,
        require_bert_words as require_bert_words,
        require_vocabulary_size as require_vocabulary_size,
    )
    from rateval.modelkit.texts.embedded import embed_once as embed_once
    from rateval.modelkit.texts.prompts import (
        PromptTemplates as PromptTemplates,
        fill_prompts as fill_prompts,
        require_templates as require_templates,
    )
    from rateval.modelkit.texts.tokenizer_folder import (
        check_tokenizer as check_tokenizer,
        tokenizer_options as tokenizer_options,
    )
    from rateval.modelkit.transforms import (
        Transform as Transform,
        read_transform as read_transform,
    )
    from rateval.modelkit.weight_choices import (
        WeightCopy as WeightCopy,
        WeightPrefix as WeightPrefix,
    )
    from rateval.modelkit.weights import require_same_weights as require_same_weights
    from rateval.modelkit.writing import (
        copy_file as copy_file,
        copy_tokenizer as copy_tokenizer,
        write_safetensors as write_safetensors,
        write_salesforce_checkpoint as write_salesforce_checkpoint,
    )
    from rateval.store.cache import default_cache as default_cache
    from rateval.store.fetched.ahead import RemoteFile as RemoteFile, fetch_ahead as fetch_ahead
    from rateval.store.fetched.views import bring as bring, size_of as size_of
    from rateval.store.remote.urls import (
        explain_url as explain_url,
        is_remote as is_remote,
        url_of as url_of,
    )
    from rateval.wording import (
        list_some as list_some,
        meant as meant,
        suggest as suggest,
        write_count as write_count,
    )

_MODULES = (
    # These import no library at all: digests of components ask for nothing else.
    "rateval.wording",
    "rateval.json_file",
    "rateval.store.cache",
    "rateval.store.remote.urls",
    "rateval.modelkit.checkpoint_files.archives",
    "rateval.modelkit.checkpoint_files.shards",
    "rateval.modelkit.clues",
    "rateval.modelkit.digests",
    "rateval.modelkit.layers",
    "rateval.modelkit.texts.bert_vocabulary",
    "rateval.store.fetched.views",
    "rateval.store.fetched.ahead",
    # These import pydantic: params ask for them.
    "rateval.modelkit.tables.channels",
    "rateval.modelkit.texts.prompts",
    "rateval.modelkit.tables.tower_sizes",
    "rateval.modelkit.weight_choices",
    "rateval.modelkit.tables.foreign_table",
    "rateval.modelkit.tables.hugging_face_table",
    "rateval.modelkit.texts.tokenizer_folder",
    "rateval.data.shapes",
    # This one imports Pillow.
    "rateval.modelkit.moving",
    # And these import torch.
    "rateval.data.batches",
    "rateval.modelkit.texts.embedded",
    "rateval.modelkit.texts.asked_model",
    "rateval.machine.memory",
    "rateval.machine.precision",
    "rateval.modelkit.checkpoint_files.finding",
    "rateval.modelkit.checkpoint_files.loading",
    "rateval.modelkit.checkpoint_files.telling",
    "rateval.modelkit.filling",
    "rateval.modelkit.swapping",
    "rateval.modelkit.geometry",
    "rateval.modelkit.checkpoint_files.reading",
    "rateval.modelkit.recording",
    "rateval.modelkit.attention",
    "rateval.modelkit.blocks",
    "rateval.modelkit.transforms",
    "rateval.modelkit.weights",
    "rateval.modelkit.writing",
)


def __getattr__(name: str) -> Any:
    if f"{__name__}:{name}" in NAMES:
        return find_deprecated(__name__, name, NAMES)
    return find_name(__name__, name, _MODULES)
