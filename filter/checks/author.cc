// Who wrote the message: one strict reading of From for every check, and whom other readers see.

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/readers.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

const char* finding_of(mail::AuthorIdentity::Status status) {
  using Status = mail::AuthorIdentity::Status;
  switch (status) {
    case Status::single:
      return nullptr;
    case Status::missing:
    case Status::group_empty:
      return "FROM_MISSING";
    case Status::several_fields:
    case Status::several_mailboxes:
      return "FROM_SEVERAL";
    case Status::malformed:
      return "FROM_MALFORMED";
  }
  return "FROM_MALFORMED";
}

class Author final : public Check {
 public:
  void header(CheckContext&, const mail::HeaderField& field) override {
    const std::string_view name = trim(field.name);
    if (iequals(name, "From"))
      fields_.push_back(field), any_from_ = true;
    else if (!any_from_ && fields_.size() < kMaxStandIns &&
             (iequals(name, "Sender") || iequals(name, "Resent-From")))
      fields_.push_back(field);
  }

  void end_of_headers(CheckContext& context) override {
    auto [author, readings] = mail::read_author(fields_);
    if (const char* finding = finding_of(author.status)) context.add(finding, author.reason);
    if (readings.differ) context.add("AMBIGUOUS_FROM", "readers see " + readings.text());
    if (author.status == mail::AuthorIdentity::Status::single) {
      const auto* from = mail::first_field(fields_, "From");
      if (const std::string shown = mail::name_address(from->value, author); !shown.empty())
        context.add("FROM_NAME_ADDRESS", "the name shows an address at " + printable(shown, 255));
    }
    context.facts().author = std::move(author);
  }

 private:
  static constexpr std::size_t kMaxStandIns = 4;

  std::vector<mail::HeaderField> fields_;  // From, and while there is none what may stand in for it
  bool any_from_ = false;
};

}  // namespace

std::unique_ptr<Check> make_author() {
  return std::make_unique<Author>();
}

}  // namespace gatepost
