// What makes the pages handier; all of them work without it.
"use strict";
