import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { emoji } from '../vue/scripts/emoji.mjs'
import { licenses } from '../../scripts/licenses.mjs'

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
    // From the sources: nothing has to be built before.
    alias: [
      { find: '@mtchat/client/testing', replacement: at('../client/src/testing/index.ts') },
      { find: /^@mtchat\/(client|vue)$/, replacement: at('../$1/src/index.ts') },
    ],
  },
  build: {
    target: 'es2022',
    cssCodeSplit: false,
    reportCompressedSize: false,
    lib: { entry: { index: at('src/index.ts') }, formats: ['es'], cssFileName: 'mtchat' },
    rolldownOptions: {
      output: {
        // Said here, as of a library Vite would keep the white space.
        minify: true,
        // What loads at once. The bundler would cut it into pieces where later parts share something with it: requests for nothing.
        codeSplitting: { groups: [{ name: 'core', tags: ['$initial'] }] },
        chunkFileNames: '[name]-[hash].js', entryFileNames: '[name].js',
      },
    },
  },
})
