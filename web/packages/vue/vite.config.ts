import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { emoji } from './scripts/emoji.mjs'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const { dependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { dependencies: Record<string, string> }
const outside = ['vue', ...Object.keys(dependencies)]

export default defineConfig({
  plugins: [vue(), emoji()],
  json: { namedExports: false },
  build: {
    target: 'es2022',
    minify: false,
    sourcemap: true,
    cssCodeSplit: false,
    lib: {
      entry: {
        index: at('src/index.ts'),
        'locales/ru': at('src/i18n/locales/ru.json'),
        'locales/en': at('src/i18n/locales/en.json'),
        'locales/zh': at('src/i18n/locales/zh.json'),
      },
      formats: ['es'],
      cssFileName: 'style',
    },
    rollupOptions: {
      external: (id) => outside.some((name) => id === name || id.startsWith(`${name}/`)),
      output: { chunkFileNames: 'chunks/[name].js', entryFileNames: '[name].js' },
    },
  },
})
