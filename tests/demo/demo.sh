#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: see demo.py beside this file.
exec "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/demo.py"
