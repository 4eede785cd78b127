"""
report.html: one run as one self-contained page for people.

The pictures are inline SVG drawn by `chart`, `network` and `order_book`; the page around them is a
Jinja2 template with automatic escaping, because names come from scenario files. Why no plotting
library: matplotlib takes longer to import than the whole page takes to build, fixes its colours (no
dark mode) and its text sizes (unreadable on a phone); Plotly and Vega-Embedded put 1 to 4 MB of
JavaScript into every page. Four kinds of pictures are all we need: series over slots, the steps of
an order book, a small picture in a table's cell, and the community as a graph.

Pictures with axes are stretched by the browser (`preserveAspectRatio="none"`, strokes that do not
scale) and their labels are HTML beside them, so text keeps its size on every screen. The page works
without JavaScript; a small script only chooses the slot that pictures and tables show.
"""
