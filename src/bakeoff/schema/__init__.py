"""The project's nouns. Standard library only, because servers and the load generator import them too.

Raw times are integer nanoseconds, sizes are bytes, reported times are float milliseconds.
"""

from bakeoff.schema.artifact import Artifact, Fidelity, MissingArtifact, Parity
from bakeoff.schema.comparison import Comparison, Summary
from bakeoff.schema.edge import EdgeMeasurement, EdgeProcess
from bakeoff.schema.formats import EXACT_FORMATS, FORMATS, NO_FORMAT, UNSERVED_FORMATS
from bakeoff.schema.measurement import Breakdown, Disturbance, Floors, Gaps, Latency, Measurement
from bakeoff.schema.model import Model, TensorSpec, read_model
from bakeoff.schema.names import (
    CLIENT_FLOOR,
    FLOORS,
    PROTOCOLS,
    SERVER_FLOOR,
    STRICT,
    WIRE_PROTOCOLS,
    Arrival,
    MemorySource,
    PlatformName,
    Protocol,
    Verdict,
)
from bakeoff.schema.reasons import Reason, is_from_samples, quoted
from bakeoff.schema.results import Image, InProcess, Report, Startup, Support, Surroundings, TargetState
from bakeoff.schema.slice import Plan, Sample, Task, Trial, Watch
from bakeoff.schema.target import Archive, Container, Endpoint, Target
from bakeoff.schema.workload import Workload
