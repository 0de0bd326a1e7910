"""Corpus, nets, training and export. The only room that imports torch (extra `train`)."""
