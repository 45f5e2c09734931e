"""Networks, augmentation, the training loop and recipe, transfer, classical features."""
