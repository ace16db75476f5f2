"""How a synthetic face comes about: expression and identity, drawn, photographed, labelled."""
