import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// The Go server serves dist/. `npm run dev` talks to a running
// `tidemark serve --addr 127.0.0.1:7878`; open the printed fragment there.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the page's policy takes fonts and pictures from the server only
    chunkSizeWarningLimit: 800, // the editor, which is fetched when one is shown
    emptyOutDir: true,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/api': 'http://127.0.0.1:7878' },
    fs: mode === 'test' ? { allow: ['..'] } : {}, // golden files of the engine
  },
  test: { environment: 'jsdom', setupFiles: ['./src/test-setup.ts'], include: ['src/**/*.test.ts'] },
}))
