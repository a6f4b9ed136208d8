import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { emoji } from '../packages/vue/scripts/emoji.mjs'
import { licenses } from '../scripts/licenses.mjs'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  plugins: [vue(), emoji(), licenses()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    'process.env.NODE_ENV': '"production"',
  },
  resolve: {
    alias: [
      { find: '@mtchat/client/testing', replacement: at('../packages/client/src/testing/index.ts') },
      { find: /^@mtchat\/(client|vue)$/, replacement: at('../packages/$1/src/index.ts') },
    ],
  },
  publicDir: at('pages'),
  build: {
    target: 'es2022',
    cssCodeSplit: false,
    reportCompressedSize: false,
    lib: {
      entry: { desk: at('src/desk.ts'), gallery: at('src/gallery.ts'), 'gallery-element': at('src/gallery-element.ts') },
      formats: ['es'],
      cssFileName: 'mtchat',
    },
    rolldownOptions: { output: { minify: true, chunkFileNames: '[name]-[hash].js', entryFileNames: '[name].js' } },
  },
})
