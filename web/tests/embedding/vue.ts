// The page around the Vue example.
import type { Message } from '@mtchat/vue'
import { createApp, h } from 'vue'
import Order from '../../../docs/examples/web/Order.vue'

const order = { id: new URLSearchParams(location.search).get('order') ?? '' }
const person = { id: 'ana', name: 'Ana Petrova', company: 'Nordwind' }
const onTalked = ({ sent_at }: Message) => (document.getElementById('last-said')!.textContent = `Last said at ${new Date(sent_at).toLocaleTimeString()}`)
createApp({ render: () => h(Order, { order, person, onTalked }) }).mount('#app')
