'use strict'
// Run before anything else, by whatever Node is there, so a very old one must be able to read it:
// no const, no arrows, no template strings.
//
// On Linux (x64, arm64) npm puts the Node that `npm ci` brought first on the PATH. Elsewhere the
// machine's own Node runs, and this says so when it is too old.

// libp2p 3 needs Promise.withResolvers; node:sqlite is quiet from 24.15 on.
var NEEDED = [24, 15]

var running = process.versions.node.split('.').map(Number)
var newEnough = running[0] > NEEDED[0] || (running[0] === NEEDED[0] && running[1] >= NEEDED[1])

if (!newEnough) {
  console.error('Althing needs Node ' + NEEDED.join('.') + ' or newer.')
  console.error('This is Node ' + process.versions.node + ', ' + process.execPath + '.')
  console.error(
    process.platform === 'linux'
      ? 'Fix: `npm ci` in its directory brings Node 24 (x64, arm64); `npm run` and bin/althing then use it.'
      : 'Fix: install Node 24 from https://nodejs.org, or with nvm: `nvm install` in its directory.',
  )
  process.exit(1)
}
