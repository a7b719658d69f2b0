import { invalid, notFound } from "../errors.ts";
import { keepFile, urlOf } from "../installation.ts";
import { route, type Context } from "../router.ts";

const maximumBytes = 25 * 1024 * 1024;

export const fileRoutes = [
  route("POST /v2/files/upload", {
    handle: (context) => {
      const kept = upload(context);
      const { uploadAnswer } = context.state.settings;
      const names = { url: urlOf(kept, context.baseUrl), file_hash: kept.id, file_id: kept.id };
      const shown = uploadAnswer === "all" ? names : { [uploadAnswer]: names[uploadAnswer] };
      return { body: { name: kept.name, content_type: kept.type, ...shown } };
    },
  }),
  route("POST /v2/images/upload", {
    handle: (context) => {
      const kept = upload(context);
      if (!kept.type.startsWith("image/")) throw invalid("Not an image");
      const url = urlOf(kept, context.baseUrl);
      return {
        body: { id: kept.id, name: kept.name, url, content_type: kept.type, width: 1, height: 1, thumbnail: { url } },
      };
    },
  }),
  route("GET /uploads/:id/:name", {
    isApi: false,
    handle: ({ state, params }) => {
      const file = state.files.get(params["id"] ?? "");
      if (!file) throw notFound("file");
      return { body: file.bytes, headers: { "content-type": file.type } };
    },
  }),
];

function upload({ state, files }: Context) {
  const [file] = files;
  if (!file) throw invalid("No file in the form");
  if (file.bytes.length > maximumBytes) throw invalid("The file is larger than 25 MB");
  return keepFile(state, file);
}
