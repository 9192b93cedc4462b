"""ALBEF and BLIP dual encoders for rateval: timm's vision transformer, transformers' BERT."""
