import '@mtchat/element'
import { useEffect, useMemo, useRef } from 'react'

/** React 19 sets objects as properties of a custom element, and text as attributes. Events need a listener. */
export function OrderChat({ order, person, onTalked }) {
  const chat = useRef(null)
  const config = useMemo(
    () => ({
      baseUrl: 'https://chat.example.com',
      userId: person.id,
      getToken: () => fetch('/chat-token').then((answer) => answer.text()),
      userProfile: { displayName: person.name, company: person.company },
      locale: 'en',
    }),
    [person.id, person.name, person.company],
  )
  useEffect(() => {
    const element = chat.current
    const tell = (event) => onTalked(event.detail)
    element.addEventListener('message-sent', tell)
    return () => element.removeEventListener('message-sent', tell)
  }, [onTalked])
  return <mt-chat ref={chat} config={config} mode="inline" object-type="order" object-id={order.id} theme="auto" />
}
