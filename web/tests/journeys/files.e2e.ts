import { aName, expect, test, type Person } from '../people'
import { picture } from './chair'

const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')

async function pick(person: Person, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  await person.page.locator('input[type=file]').setInputFiles(files)
}

test('a picture and a document come to the other, and the picture opens', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  await pick(ana, { name: 'chair.png', mimeType: 'image/png', buffer: picture }, { name: 'offer.pdf', mimeType: 'application/pdf', buffer: PDF })
  await ana.write('Here they are')
  await ana.page.keyboard.press('Enter')

  const message = bo.message('Here they are')
  const image = message.getByRole('img', { name: 'chair.png' })
  await expect(image).toBeVisible()
  await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(0)
  await expect(message).toContainText('offer.pdf')
  await image.click()
  await expect(bo.page.getByRole('dialog').getByRole('img', { name: 'chair.png' })).toBeVisible()
  await bo.picture('viewer')
  await bo.page.keyboard.press('Escape')
  await expect(bo.page.getByRole('dialog')).toHaveCount(0)
  await expect(bo.composer).toBeVisible()
})

test('a file that is not allowed is refused by name and with the reason', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  await pick(ana, { name: 'setup.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('MZ') })

  await expect(ana.page.getByText('setup.exe was not added: this kind of file is not allowed').first()).toBeVisible()
  await expect(ana.send).toBeDisabled()
})

test('a file dropped onto the messages is taken', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()
  const held = await ana.page.evaluateHandle((bytes) => {
    const all = new DataTransfer()
    all.items.add(new File([new Uint8Array(bytes)], 'dropped.png', { type: 'image/png' }))
    return all
  }, [...picture])

  await ana.transcript.dispatchEvent('dragenter', { dataTransfer: held })
  await ana.transcript.dispatchEvent('dragover', { dataTransfer: held })
  await expect(ana.page.getByText('Drop files here')).toBeVisible()
  await ana.transcript.dispatchEvent('drop', { dataTransfer: held })

  await expect(ana.page.getByRole('list', { name: 'Files to send' })).toContainText('dropped.png')
})
