"""The recogniser: finding faces in photos and videos, and recognising their emotions."""
