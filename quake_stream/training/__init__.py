"""Labelled recordings → weights: datasets, augmentation, training and a first look at the result."""
