import { expect, test, type Page } from './stage'

// In a real browser: what a parser makes of hostile HTML is the parser's to say.
let page: Page
test.beforeEach(async ({ open }) => { page = await open('?messages=3') })

const safe = (dirty: string) => page.evaluate(([html]) => (window as unknown as { safe(html: string): string }).safe(html!), [dirty])

const HOSTILE = [
  ['<p>v<script>alert(1)</script></p>', '<p>v</p>'],
  ['<img src=x onerror=alert(1)>v', 'v'],
  ['<p onclick="x" style="color:red" title="t" class="c">v</p>', '<p>v</p>'],
  ['<svg><a xlink:href="javascript:x">w</a></svg>v', 'v'],
  ['<iframe src="https://x.test">in</iframe>v', 'v'],
  ['<code class="language-js">a</code><code class="evil">b</code>', '<code class="language-js">a</code><code>b</code>'],
  ['<span class="mtchat-row" data-evil="1">v</span>', '<span>v</span>'],
  ['<a href="javascript:alert(1)">j</a><a href="/relative">r</a><a href="//host/x">h</a>', '<a>j</a><a>r</a><a>h</a>'],
] as const
test('hostile HTML is made safe', async () => {
  for (const [dirty, clean] of HOSTILE) expect((await safe(dirty)).replace(/ rel="[^"]*"/g, ''), dirty).toBe(clean)
})

test('links open elsewhere and say where they lead', async () => {
  const html = await safe('<a href="https://a.test/x?y=1" target="_self" class="mtchat-row">w</a>')

  for (const part of ['href="https://a.test/x?y=1"', 'target="_blank"', 'rel="noopener noreferrer nofollow"', 'title="a.test"', 'tabindex="-1"']) expect(html).toContain(part)
  expect(html).not.toContain('class')
})

test('mentions carry the name of today, and mine are marked', async () => {
  const mention = (user: string) => safe(`<span data-type="mention" data-id="${user}" data-label="Old" class="mtchat-mention">@Old</span>`)

  expect(await mention('bo')).toContain('@Bo Now')
  expect(await mention('gone')).toContain('@Old')
  expect(await mention('ana')).toContain('mtchat-mention--me')
})
