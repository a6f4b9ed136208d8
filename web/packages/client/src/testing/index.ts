export * from './builders.js'
export * from './page.js'
export * from './server.js'
