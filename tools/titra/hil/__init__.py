"""What became of a HIL run: its report, and the comparison of two of them."""
