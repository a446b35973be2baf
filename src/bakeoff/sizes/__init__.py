"""The edge-model size report: what each format weighs, costs in process, and answers."""

from bakeoff.sizes.document import SizeReport, make_size_report, size_json, size_report_of, write_sizes
from bakeoff.sizes.rows import SizeRow, Timing, size_rows
