import type { Page } from '@playwright/test'

/** What sticks out of the window, and words of ours that are cut off. What people wrote may be shortened. */
export function lostOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const lost: string[] = []
    const { innerWidth, innerHeight } = window
    if (document.documentElement.scrollWidth > innerWidth) lost.push(`the page is ${document.documentElement.scrollWidth} px wide`)
    if (document.documentElement.scrollHeight > innerHeight) lost.push(`the page is ${document.documentElement.scrollHeight} px high`)
    for (const element of document.querySelectorAll<HTMLElement>('.mtchat *')) {
      if (element.closest('.mtchat-visually-hidden, pre, svg') || element.matches('.mtchat-live, [class*=announce]') || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
      const { left, right, width, height } = element.getBoundingClientRect()
      if (width < 2 || height < 2) continue
      const name = `${element.tagName}.${element.className} "${(element.textContent ?? '').trim().slice(0, 40)}"`
      if (left < -1 || right > innerWidth + 1) lost.push(`${name} reaches from ${Math.round(left)} to ${Math.round(right)}`)
      const isOurs = !element.closest('[dir=auto], bdi, time, input, textarea, [contenteditable]') && !element.querySelector('[dir=auto], bdi, time')
      const hides = getComputedStyle(element).overflowX !== 'visible'
      if (isOurs && hides && element.scrollWidth > element.clientWidth + 1) lost.push(`${name} is cut off at ${element.clientWidth} of ${element.scrollWidth} px`)
    }
    return lost
  })
}
