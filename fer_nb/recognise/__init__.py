"""One's own pictures and videos: faces found, read by a trained net, written as a table and drawn."""
