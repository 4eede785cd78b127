// How wide an element is: pictures are drawn for their frame, so that their text keeps its size.
import { useLayoutEffect, useRef, useState } from "../lib/html.js";

export function useWidth(first = 640) {
  const ref = useRef(null);
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    if (!ref.current) return undefined;
    const look = () => setWidth(Math.max(220, Math.floor(ref.current?.clientWidth ?? first)));
    look();
    const observer = new ResizeObserver(look);
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
