'use strict'
// The version is checked before the bundle is parsed, whose syntax an old Node might not know.
require('./check-node.cjs')
require('./run-bundle.cjs').runBundle(require.resolve('../dist/cli.cjs'))
