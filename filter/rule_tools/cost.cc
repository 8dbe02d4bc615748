#include "filter/rule_tools/cost.h"

#include <algorithm>

#include "rules/subject_of.h"

namespace gatepost::rule_tools {
namespace {

using Clock = std::chrono::steady_clock;

class Meter {
 public:
  explicit Meter(const CostInput& input) : input_(input) {
    out_.rounds = input.rounds;
    out_.profile = rules::MatchProfile(input.judge->rules().size());
  }

  void message(const std::string& text) {
    const auto file = FileMessage::read(text);
    if (!file.ok()) {
      ++out_.skipped;
      return;
    }
    const mail::Message& message = (*file)->message();
    const FileEnvelope envelope = input_.judge->envelope_of(message);
    const auto start = Clock::now();
    auto view = mail::MessageView::open(message, input_.judge->policy().content);
    if (!view.ok()) {
      ++out_.skipped;
      return;
    }
    rules::Subject subject =
        rules::subject_of(*view, input_.judge->rule_set(), envelope.sender(), input_.time);
    subject.smtp = &envelope.texts();
    out_.texts += Clock::now() - start;
    ++out_.messages;
    out_.octets += text.size();
    measure(subject);
    if (input_.without != nullptr) out_.without += repeat(*input_.without, subject);
  }

  CostResult take() { return std::move(out_); }

 private:
  // The first one makes expressions and memory that are kept.
  CostResult::Nanoseconds repeat(const Judge& judge, const rules::Subject& subject) const {
    judge.rule_set().match(subject);
    const auto start = Clock::now();
    for (int i = 0; i < input_.rounds; ++i) judge.rule_set().match(subject);
    return Clock::now() - start;
  }

  void measure(rules::Subject& subject) {
    out_.match += repeat(*input_.judge, subject);
    subject.profile = &out_.profile;
    const auto start = Clock::now();
    for (int i = 0; i < input_.rounds; ++i) input_.judge->rule_set().match(subject);
    out_.measured += Clock::now() - start;
    subject.profile = nullptr;
  }

  const CostInput& input_;
  CostResult out_;
};

std::string letter() {
  std::string body;
  for (int i = 0; i < 12; ++i) {
    body +=
        "Thank you for your letter of last week. We have looked at the figures again and think\r\n"
        "that the second offer is the better one; the table at https://www.example.com/offers/" +
        std::to_string(i) +
        "\r\nhas the details. Please tell us by Friday what you decide.\r\n\r\n";
  }
  return "Return-Path: <ann@example.com>\r\n"
         "Received: from mail.example.com (mail.example.com [192.0.2.25]) by mx.example.org with "
         "ESMTPS id 1; Tue, 3 Mar 2026 10:00:00 +0000\r\n"
         "From: Ann Example <ann@example.com>\r\nTo: bob@example.org\r\n"
         "Subject: Our second offer\r\nDate: Tue, 3 Mar 2026 09:59:58 +0000\r\n"
         "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
         "Content-Type: text/plain; charset=utf-8\r\n\r\n" +
         body;
}

std::string newsletter() {
  std::string html = "<html><head><title>News</title><style>p{color:#333}</style></head><body>\r\n";
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i);
    html += "<table><tr><td><a href=\"https://news.example.net/item/" + number + "?id=" + number +
            "&amp;u=7\"><img src=\"https://img.example.net/" + number +
            ".png\" width=\"560\" height=\"120\"></a><p>Spring offers, number " + number +
            ": save up to 20&nbsp;% this week only.</p></td></tr></table>\r\n";
  }
  html +=
      "<p style=\"font-size:10px\">You get this because you asked for it. "
      "<a href=\"https://news.example.net/unsubscribe\">Unsubscribe</a></p></body></html>\r\n";
  return "Received: from out.example.net (out.example.net [198.51.100.7]) by mx.example.org with "
         "ESMTPS id 2; Tue, 3 Mar 2026 10:01:00 +0000\r\n"
         "From: =?utf-8?Q?The_caf=C3=A9?= <news@example.net>\r\nTo: bob@example.org\r\n"
         "Subject: Spring offers\r\nDate: Tue, 3 Mar 2026 10:00:58 +0000\r\n"
         "List-Unsubscribe: <https://news.example.net/unsubscribe>\r\n"
         "Message-ID: <2@example.net>\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
         "Content-Type: text/plain; charset=utf-8\r\n\r\nSpring offers: see "
         "https://news.example.net/\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
         html + "--b--\r\n";
}

std::string with_attachment() {
  std::string data;
  for (int i = 0; i < 2000; ++i)
    data += "R2F0ZXBvc3QgbWVhc3VyZXMgd2hhdCBydWxlcyBjb3N0IG9uIG1haWwgbGlrZSB0aGlzLg==\r\n";
  return "Received: from relay.example.com ([203.0.113.9]) by mx.example.org with SMTP id 3; Tue, "
         "3 Mar 2026 10:02:00 +0000\r\nFrom: carl@example.com\r\nTo: bob@example.org\r\n"
         "Subject: Invoice 4711\r\nDate: Tue, 3 Mar 2026 10:01:58 +0000\r\n"
         "Message-ID: <3@example.com>\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
         "Please find the invoice attached.\r\n--b\r\n"
         "Content-Type: application/pdf; name=invoice.pdf\r\n"
         "Content-Disposition: attachment; filename=invoice.pdf\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\n" +
         data + "--b--\r\n";
}

}  // namespace

double CostResult::per_message(Nanoseconds sum) const {
  const double matches = static_cast<double>(messages) * rounds;
  return matches == 0 ? 0 : static_cast<double>(sum.count()) / 1000 / matches;
}

CostResult measure_cost(const CostInput& input, std::atomic<std::size_t>& done,
                        const std::atomic<bool>& stop) {
  Meter meter(input);
  if (input.mail.empty()) {
    for (const std::string& text : sample_mail()) meter.message(text);
    return meter.take();
  }
  std::size_t unreadable = 0;
  for (const MailPlace& place : input.mail) {
    if (stop) break;
    const auto text = read_mail(place);
    if (text.ok())
      meter.message(*text);
    else
      ++unreadable;
    done.fetch_add(1, std::memory_order_relaxed);
  }
  CostResult out = meter.take();
  out.skipped += unreadable;
  return out;
}

std::string scan_name(const rules::Rule& one_of_them) {
  std::string out(to_string(one_of_them.type));
  const bool header = one_of_them.type == rules::RuleType::header ||
                      one_of_them.type == rules::RuleType::mimeheader;
  return header ? out + " " + one_of_them.header.name : out;
}

const std::vector<std::string>& sample_mail() {
  static const std::vector<std::string> kMail = {letter(), newsletter(), with_attachment()};
  return kMail;
}

}  // namespace gatepost::rule_tools
