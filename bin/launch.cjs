'use strict'
// The version is checked before the bundle is parsed, whose syntax an old Node might not know.
require('./check-node.cjs')
// To what follows, the program is the bundle, beside which its other files lie.
process.argv[1] = require.resolve('../dist/cli.cjs')
require('../dist/cli.cjs')
