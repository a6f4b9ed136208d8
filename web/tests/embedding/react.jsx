// The page around the React example.
import { createRoot } from 'react-dom/client'
import { OrderChat } from '../../../docs/examples/web/Order.jsx'

const order = { id: new URLSearchParams(location.search).get('order') }
const person = { id: 'ana', name: 'Ana Petrova', company: 'Nordwind' }
const onTalked = ({ sent_at }) => (document.getElementById('last-said').textContent = `Last said at ${new Date(sent_at).toLocaleTimeString()}`)
createRoot(document.getElementById('app')).render(<OrderChat order={order} person={person} onTalked={onTalked} />)
