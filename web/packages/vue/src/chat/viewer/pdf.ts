/** PDFs are opened by the browser, unless the host brings something that draws them. */
import type { Attachment } from '@mtchat/client'
import { shallowRef } from 'vue'
import { isAvailable, opensInBrowser } from '../attachments/kinds'

/**
 * Draws the PDF behind *url* into *place*, an empty element that scrolls. Resolves once there is something to see; a
 * rejection is shown with Retry. *signal* is aborted when the viewer goes on to another file or closes.
 */
export type PdfRenderer = (place: HTMLElement, file: { readonly url: string; readonly filename: string }, signal: AbortSignal) => void | Promise<void>

export const pdfRenderer = shallowRef<PdfRenderer | null>(null)

/** From now on PDFs open in the viewer, in every chat of the page. The answer takes *render* back. */
export function registerPdf(render: PdfRenderer): () => void {
  pdfRenderer.value = render
  return () => {
    if (pdfRenderer.value === render) pdfRenderer.value = null
  }
}

/** What may be harmful is never shown, only saved. */
export function isPreviewed(file: Attachment): boolean {
  return pdfRenderer.value !== null && opensInBrowser(file) && isAvailable(file) && file.status !== 'flagged'
}
