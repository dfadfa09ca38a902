#!/bin/bash
# A short soak; ./dev soak is the long one.
# timeout: 900
set -euo pipefail
exec "$FASTBOOT_SOURCE/tests/load/run" --seconds "${SOAK_SECONDS:-20}"
