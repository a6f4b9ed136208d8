/** Made by scripts/emoji.mjs. */
declare module 'mtchat:emoji/*' {
  const file: import('./emoji').EmojiFile
  export default file
}
