"""What one can take away: a result as one self-contained HTML file, as a picture, as JSON.

Drawn from what every threat has: its card, its exhibit and the rates of error that are known of its verdicts.
"""
