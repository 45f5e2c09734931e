"""The product: from a photo or a video to faces and their emotions."""
