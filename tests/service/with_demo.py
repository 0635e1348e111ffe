"""``warmtrail up`` with the sample company site in front, its pages carrying the write key given: no imports, no story."""

from __future__ import annotations

import os
import sys

from scorer import service
from tracker.log import configure_logging
from tracker.settings import read_settings

configure_logging("text")
service.up(read_settings(), os.environ, demo_key=sys.argv[1])
