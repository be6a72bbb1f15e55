"""What machine-learning models learn beyond their task: data, nets, attacks, controls, measures."""

__version__ = "0.1.0"
