// A journey as a picture, to read: nodes with the people who are there, edges with the share that took them.
// The same facts stand below as a list, written by the server: this island adds nothing that the list lacks.
import { Background, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type Node, type NodeProps } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { layOut } from "./layout";

interface Step {
  id: string;
  kind: string;
  title: string;
  people: string;
  figures: string;
  href: string;
}

interface Way {
  from: string;
  to: string;
  label: string;
}

interface Picture {
  label: string;
  steps: Step[];
  ways: Way[];
}

type Card = Node<{ step: Step }, "card">;

function CardView({ data: { step } }: NodeProps<Card>) {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <a className="canvas-node block nodrag nopan" href={step.href}>
        <span className="canvas-kind">
          <span>{step.kind}</span>
          {step.people && <span className="canvas-people">{step.people}</span>}
        </span>
        <span className="line-clamp-3 font-medium">{step.title}</span>
        {step.figures && <span className="block text-xs opacity-80">{step.figures}</span>}
      </a>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

const nodeTypes = { card: CardView };

function Canvas({ picture }: { picture: Picture }) {
  const places = layOut(
    picture.steps.map((step) => step.id),
    picture.ways,
  );
  const nodes: Card[] = picture.steps.map((step) => ({
    id: step.id,
    type: "card",
    position: places.get(step.id) ?? { x: 0, y: 0 },
    data: { step },
  }));
  const edges: Edge[] = picture.ways.map((way, index) => ({
    id: `way-${index}`,
    source: way.from,
    target: way.to,
    label: way.label,
    type: "smoothstep",
    markerEnd: { type: MarkerType.ArrowClosed },
  }));
  return (
    <ReactFlow
      aria-label={picture.label}
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      preventScrolling={false}
      zoomOnScroll={false}
      fitView
      fitViewOptions={{ maxZoom: 1, padding: 0.12 }}
      minZoom={0.2}
    >
      <Background gap={24} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

export function mount(element: HTMLElement): void {
  const source = document.getElementById(element.dataset.source ?? "");
  if (!source?.textContent) return;
  const picture = JSON.parse(source.textContent) as Picture;
  createRoot(element).render(
    <StrictMode>
      <Canvas picture={picture} />
    </StrictMode>,
  );
}
