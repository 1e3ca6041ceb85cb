"""The report of a run as one HTML page: no script, nothing that is fetched from elsewhere.

words    numbers and durations as people read them, the verdict, how it was measured
axes     scales and their ticks
columns  the run's seconds as the points of a chart, thinned where they are many
plots    one chart as SVG
charts   which charts a run has
tables   its tables
terminal a comparison and a limit, as lines
page     all of it in order, with style.css
"""
