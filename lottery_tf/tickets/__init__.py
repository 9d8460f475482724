"""A ticket as a small file: its format, the coding of masks, architectures as JSON."""
