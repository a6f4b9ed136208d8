/** What may be done with a file, decided by its type and by what the server found in it. */
import type { Attachment, Row } from '@mtchat/client'
import type { IconName } from '../../icons'
import { httpUrl } from '../transcript/html'

export type Show = 'image' | 'audio' | 'video' | 'file'

/** Drawn by the browser without running anything. SVG can hold scripts: it is downloaded like HTML and unknown types. */
const IMAGES = /^image\/(jpeg|png|gif|webp|bmp|avif)$/
const AUDIO = /^audio\/(mpeg|wav|ogg|mp4)$/
const VIDEO = /^video\/(mp4|webm|ogg|quicktime)$/

/** Nobody gets it until it was checked, nor when it is blocked; what may be harmful is never shown, only saved. */
export function isAvailable(file: Attachment): boolean {
  return file.status !== 'scanning' && file.status !== 'blocked' && httpUrl(file.url) !== null
}

export function showOf(file: Attachment): Show {
  if (!isAvailable(file) || file.status === 'flagged') return 'file'
  if (IMAGES.test(file.content_type)) return 'image'
  if (AUDIO.test(file.content_type)) return 'audio'
  return VIDEO.test(file.content_type) ? 'video' : 'file'
}

/** Only a PDF is opened by the browser; everything else that is no picture is saved. */
export function opensInBrowser(file: Attachment): boolean {
  return file.content_type === 'application/pdf'
}

export function iconOf(contentType: string): IconName {
  if (contentType === 'application/pdf') return 'file-pdf'
  if (contentType.startsWith('image/')) return 'image'
  if (contentType.startsWith('audio/')) return 'file-audio'
  if (contentType.startsWith('video/')) return 'file-video'
  if (/zip|compressed|rar|7z|gzip|tar/.test(contentType)) return 'file-archive'
  if (/sheet|excel|csv/.test(contentType)) return 'file-spreadsheet'
  if (/word|rtf|opendocument\.text|^text\//.test(contentType)) return 'file-document'
  return 'file'
}

/** The box kept for a picture before it is here: its own shape, 4:3 when unknown. */
export function ratioOf(file: Attachment): string {
  return file.width && file.height ? `${file.width} / ${file.height}` : '4 / 3'
}

/** All pictures of the loaded messages, oldest first. */
export function viewerFiles(rows: readonly Row[]): readonly Attachment[] {
  return rows.flatMap((row) => (row.kind === 'message' ? (row.message.attachments ?? []) : [])).filter((file) => showOf(file) === 'image')
}
