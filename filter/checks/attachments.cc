// Attachments that nobody should open: programs, also in archives, archives that nobody can look
// into, and bombs. Names and first octets tell; nothing is unpacked to the disk.

#include "core/attachments/attachments.h"

#include <algorithm>

#include "core/base/text.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

using attachments::Archive;
using attachments::Attachment;

// What Windows starts by its name; ".com" is left out: it is as often the name of a web page.
constexpr std::string_view kProgramEndings[] = {
    ".bat", ".chm", ".cmd", ".cpl", ".exe", ".hta", ".jar", ".js",  ".jse", ".lnk", ".msi",
    ".msp", ".pif", ".ps1", ".reg", ".scr", ".vbe", ".vbs", ".wsf", ".wsh", ".xll",
};

bool is_program_name(std::string_view name) {
  // Blanks and dots at the end do not count there either.
  while (!name.empty() && (name.back() == '.' || is_wsp(name.back()))) name.remove_suffix(1);
  const std::size_t dot = name.rfind('.');
  return dot != std::string_view::npos &&
         std::any_of(std::begin(kProgramEndings), std::end(kProgramEndings),
                     [&](std::string_view ending) { return iequals(name.substr(dot), ending); });
}

std::string shown(std::string_view name) {
  return name.empty() ? "(without a name)" : printable(name, 100);
}

class Attachments final : public Check {
 public:
  void end_of_message(CheckContext& context) override {
    if (!attachments::may_have_attachments(*context.message())) return;
    auto view = context.view();
    if (!view.ok()) return context.add("CHECK_ERROR", "attachments: " + view.error().text());
    attachments::AttachmentLimits limits;
    limits.digests = limits.types = false;
    const auto list = attachments::AttachmentReader(limits).read(**view);
    if (list.too_many) context.add("ATTACHMENT_LIMIT");
    for (const Attachment& one : list.attachments) {
      if (one.program || is_program_name(one.name)) program_ = shown(one.name);
      if (one.archive) look_into(one, *one.archive);
    }
    for (const auto& [name, detail] : {std::pair{"ATTACHMENT_PROGRAM", &program_},
                                       {"ARCHIVE_ENCRYPTED", &encrypted_},
                                       {"ARCHIVE_LIMIT", &limit_}}) {
      if (!detail->empty()) context.add(name, *detail);
    }
  }

 private:
  void look_into(const Attachment& one, const Archive& archive) {
    const auto program = std::find_if(
        archive.entries.begin(), archive.entries.end(),
        [](const auto& entry) { return !entry.folder && is_program_name(entry.name); });
    if (program != archive.entries.end()) program_ = shown(one.name) + ": " + shown(program->name);
    if (archive.encrypted) encrypted_ = shown(one.name);
    if (archive.too_large) limit_ = shown(one.name) + ": unpacked it is too large";
    if (archive.too_many_entries) limit_ = shown(one.name) + ": too many files";
  }

  std::string program_, encrypted_, limit_;  // the last of each
};

}  // namespace

std::unique_ptr<Check> make_attachments() {
  return std::make_unique<Attachments>();
}

}  // namespace gatepost
