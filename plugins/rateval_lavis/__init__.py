"""ALBEF and BLIP through salesforce-lavis' own classes for rateval."""
