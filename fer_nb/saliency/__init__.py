"""Where a net looks: Score-CAM and MP (thesis 4.1), and what they are worth."""
