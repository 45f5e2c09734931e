"""Networks, augmentation, training, transfer learning, and classical models."""
