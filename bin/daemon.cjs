'use strict'
// What `althing up` becomes (src/cli/up/become.ts).
const { setFlagsFromString } = require('node:v8')
const { runBundle } = require('./run-bundle.cjs')

runBundle(require.resolve('../dist/daemon.cjs'))
// No TurboFan: that compiler's own code is 5 MB once it has run, and what this daemon does much of is native; Maglev
// compiles the rest. Said here, not on the command line: there it would be to V8 a reason to throw away the code
// that was kept, of the bundle and of all that Node brings itself, and to compile it anew.
setFlagsFromString('--no-turbofan')
setFlagsFromString('--optimize-for-size')
