"""What is attacked: nets, how they are trained, kept, served and asked."""
