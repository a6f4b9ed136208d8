import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { emoji } from '../../packages/vue/scripts/emoji.mjs'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A host's own bundle, with production's switches. */
export default defineConfig({
  plugins: [vue(), emoji()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    'process.env.NODE_ENV': '"production"',
  },
  resolve: {
    alias: [
      { find: '@mtchat/client/testing', replacement: at('../../packages/client/src/testing/index.ts') },
      { find: /^@mtchat\/(client|vue)$/, replacement: at('../../packages/$1/src/index.ts') },
    ],
  },
  publicDir: false,
  build: {
    outDir: at('dist'),
    emptyOutDir: true,
    target: 'es2022',
    cssCodeSplit: false,
    reportCompressedSize: false,
    lib: { entry: { vue: at('vue.ts'), long: at('long.ts'), stage: at('stage.ts') }, formats: ['es'], cssFileName: 'mtchat' },
    // The pages name the core, so that it is asked for at once, as Vite does in pages of its own making.
    rolldownOptions: {
      output: {
        minify: true,
        codeSplitting: { groups: [{ name: 'core', tags: ['$initial'], test: /\/vue\/|\/virtua\/|client\/src\/(?!testing)/ }] },
        chunkFileNames: ({ name }) => (name === 'core' ? 'core.js' : '[name]-[hash].js'),
        entryFileNames: '[name].js',
      },
    },
  },
})
