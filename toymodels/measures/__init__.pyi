from . import baselines as baselines
from . import circuits as circuits
from . import geometry as geometry
from . import jumps as jumps
from . import neurons as neurons
from . import polytopes as polytopes
from . import recovery as recovery
from . import selectivity as selectivity
