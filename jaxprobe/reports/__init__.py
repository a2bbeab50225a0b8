"""Tables, figures and the page, made from stored results alone."""
