# What people write, and who may see it.
class CreateContents < ActiveRecord::Migration[6.1]
  def change
    create_posts
    create_comments_and_photos
    create_contacts_and_aspects
    create_roles
  end

  private

  def create_posts
    create_table :posts, id: :integer do |t|
      t.integer :author_id, null: false
      t.boolean :public, null: false, default: false
      t.string :guid, null: false
      t.string :type, null: false, limit: 40
      t.text :text
      t.timestamps null: false, precision: nil
      t.string :provider_display_name
      t.string :root_guid
      t.integer :likes_count, default: 0
      t.integer :comments_count, default: 0
      t.integer :o_embed_cache_id
      t.integer :reshares_count, default: 0
      t.datetime :interacted_at, precision: nil
      t.string :tweet_id
      t.integer :open_graph_cache_id
      t.text :tumblr_ids
      t.index :guid, unique: true
      t.index :author_id
      t.index %i[id type created_at]
    end
  end

  def create_comments_and_photos
    create_table :comments, id: :integer do |t|
      t.text :text, null: false
      t.integer :commentable_id, null: false
      t.integer :author_id, null: false
      t.string :guid, null: false
      t.timestamps null: false, precision: nil
      t.integer :likes_count, null: false, default: 0
      t.string :commentable_type, null: false, default: "Post", limit: 60
      t.index :guid, unique: true
    end
    create_table :photos, id: :integer do |t|
      t.integer :author_id, null: false
      t.boolean :public, null: false, default: false
      t.string :guid, null: false
      t.boolean :pending, null: false, default: false
      t.text :text
      t.text :remote_photo_path
      t.string :remote_photo_name
      t.string :random_string
      t.string :processed_image
      t.timestamps null: false, precision: nil
      t.string :unprocessed_image
      t.string :status_message_guid
      t.integer :comments_count, default: 0
      t.integer :height
      t.integer :width
      t.index :guid, unique: true
    end
  end

  def create_contacts_and_aspects
    create_table :contacts, id: :integer do |t|
      t.integer :user_id, null: false
      t.integer :person_id, null: false
      t.timestamps null: false, precision: nil
      t.boolean :sharing, null: false, default: false
      t.boolean :receiving, null: false, default: false
      t.index %i[user_id person_id], unique: true
    end
    create_table :aspects, id: :integer do |t|
      t.string :name, null: false
      t.integer :user_id, null: false
      t.timestamps null: false, precision: nil
      t.integer :order_id
      t.boolean :post_default, default: true
      t.index :user_id
    end
    create_table :aspect_memberships, id: :integer do |t|
      t.integer :aspect_id, null: false
      t.integer :contact_id, null: false
      t.timestamps null: false, precision: nil
      t.index %i[aspect_id contact_id], unique: true
    end
    create_table :aspect_visibilities, id: :integer do |t|
      t.integer :shareable_id, null: false
      t.integer :aspect_id, null: false
      t.string :shareable_type, null: false, default: "Post"
      t.index %i[shareable_id shareable_type aspect_id], unique: true, name: "shareable_and_aspect"
    end
  end

  def create_roles
    create_table :roles, id: :integer do |t|
      t.integer :person_id
      t.string :name
      t.timestamps null: false, precision: nil
      t.index %i[person_id name], unique: true
    end
    create_table :account_deletions, id: :integer do |t|
      t.integer :person_id
      t.datetime :completed_at, precision: nil
      t.index :person_id, unique: true
    end
  end
end
