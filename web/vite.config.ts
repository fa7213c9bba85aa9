/** Builds the status page into `dist/web`: plain files for the daemon to serve under a strict CSP. */
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // From these on `light-dark()` is known; older ones would get a second copy of every colour.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The CSP allows no `data:` addresses, so nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
})
